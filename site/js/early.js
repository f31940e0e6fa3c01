// Asks for the engine's file (<meta name="engine">) once the page has been painted, before the scripts that use it have
// come: on a slow line it would otherwise take what the page's own text and scripts need. core.js takes it from here, or
// has asked already.
const ask = () => {
  globalThis.engineFile ??= fetch(document.querySelector('meta[name=engine]').content);
  globalThis.engineFile.catch(() => {}); // core.js says so
};
if (document.hidden) ask(); // nobody waits for a first frame
else requestAnimationFrame(() => setTimeout(ask));
