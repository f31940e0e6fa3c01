// What most pages have, imported by each of them first: so it is a few files, loaded once and kept, in place of one for
// every combination of pages that share something. (Not one file: on a slow line a few arrive sooner side by side.)
import '../elements/bar.js';
import '../elements/ledger.js';
import '../elements/picker.js';
import '../elements/references.js';
import '../elements/verdict.js';
import './controls.js';
import './copy_buttons.js';
import './core.js';
import './detection.js';
import './engines.js';
import './format.js';
import './frame.js';
import './hardware.js';
import './i18n.js';
import './link.js';
import './lists.js';
import './lists_request.js';
import './memory.js';
import './mini.js';
import './request.js';
import './state.js';
import './words.js';
import '../i18n/en/estimator.js';
