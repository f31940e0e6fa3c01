// index.html: <script type="module" src="https://YOUR-SITE/vram-estimator.js"></script>
import { useEffect, useRef, useState } from 'react';

export function Fit({ model, gpu, onAnswer }) {
  const element = useRef(null);
  const [context, setContext] = useState('8192');
  useEffect(() => {
    const { current } = element;
    const hear = ({ detail }) => onAnswer(detail.response);
    current.addEventListener('vram-change', hear);
    return () => current.removeEventListener('vram-change', hear);
  }, [onAnswer]);
  return (
    <>
      <input value={context} onChange={(event) => setContext(event.target.value)} aria-label="Context" />
      <vram-estimator ref={element} model={model} gpu={gpu} context={context} readonly="" />
    </>
  );
}
