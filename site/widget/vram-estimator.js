// Registers <vram-estimator>. A page that includes it twice gets one.
import { VramEstimator } from './element.js';

if (!customElements.get('vram-estimator')) customElements.define('vram-estimator', VramEstimator);
export { VramEstimator };
