// Asks for the engine's file once the page has been painted, before the scripts that use it have come: on a slow line it
// would otherwise take what the page's own text and scripts need. Named in <meta name="engine">.
const name = document.querySelector('meta[name=engine]').content;
const ask = () => {
  const link = document.createElement('link');
  Object.assign(link, { rel: 'preload', as: 'fetch', crossOrigin: 'anonymous', href: name });
  document.head.append(link);
};
if (document.hidden) ask(); // nobody waits for a first frame
else requestAnimationFrame(() => setTimeout(ask));
