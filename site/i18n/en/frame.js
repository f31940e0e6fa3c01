// Around every page. Fluent syntax (projectfluent.org).
export default `
brand = VRAM estimator
nav-label = Pages
nav-language = Language models
nav-diffusion = Images and video
nav-training = Training
nav-accuracy = Accuracy
nav-check = Check a log
nav-learn = How it works
skip-to-answer = Skip to the answer
units = Units
units-gib-help = Binary: 1 GiB is 1,073,741,824 bytes, what drivers and engines print
units-gb-help = Decimal: 1 GB is 1,000,000,000 bytes
language-label = Language
update-ready = A new version is ready.
update-take = Reload
footer-private = Computed inside this page. Nothing you enter leaves your browser.
`;
