// The buttons that copy the link and the estimate as JSON; the same on every page that has them.
import { at, copyText, say } from './frame.js';
import { t } from './i18n.js';

// `link`: of keepInHash(); its save() says whether the link holds everything. `shown()`: {request, response}, or nothing yet.
export function copyButtons(link, shown) {
  at('copy-link').addEventListener('click', async () => {
    const complete = await link.save();
    const copied = await copyText(location.href);
    say(t(complete === false ? 'copied-link-short' : copied ? 'copied-link' : 'copied-not-link'));
  });
  at('copy-json').addEventListener('click', async () => {
    const both = shown();
    if (both) say(t((await copyText(JSON.stringify(both, null, 2))) ? 'copied-json' : 'copied-not-json'));
  });
}
