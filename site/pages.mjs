// The pages of the site, in the order of the navigation. `id` names the texts page-<id>-title, -description and nav-<id>;
// `entry` is the page's script; `engine` asks for the engine's file before any script runs.
export const pages = [
  { file: 'index.html', id: 'language', entry: 'js/main.js', engine: true },
  { file: 'diffusion.html', id: 'diffusion', entry: 'js/diffusion.js', engine: true },
  { file: 'check.html', id: 'check', entry: 'js/check.js', engine: true },
  { file: 'training.html', id: 'training', entry: 'js/training.js', engine: true },
  { file: 'accuracy.html', id: 'accuracy', entry: 'js/accuracy.js', engine: false },
  { file: 'learn.html', id: 'learn', entry: 'js/learn.js', engine: true },
];
