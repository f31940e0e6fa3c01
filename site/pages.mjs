// The pages of the site, in the order of the navigation. `id` names the texts page-<id>-title, -description and nav-<id>;
// `entry` is the page's script; `engine` is the part of the engine that it starts with, asked for before any script
// runs: 'language' (estimates of language models, lists) or 'whole'.
export const pages = [
  { file: 'index.html', id: 'language', entry: 'js/main.js', engine: 'language' },
  { file: 'diffusion.html', id: 'diffusion', entry: 'js/diffusion.js', engine: 'whole' },
  { file: 'check.html', id: 'check', entry: 'js/check.js', engine: 'whole' },
  { file: 'training.html', id: 'training', entry: 'js/training.js', engine: 'whole' },
  { file: 'accuracy.html', id: 'accuracy', entry: 'js/accuracy.js', engine: null },
  { file: 'learn.html', id: 'learn', entry: 'js/learn.js', engine: 'language' },
];
