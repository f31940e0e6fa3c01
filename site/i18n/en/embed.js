// The dialog that writes the snippet of the widget.
export default `
embed-heading = Put this estimate into your page
embed-form = Form
embed-element = Element
embed-badge = Badge
embed-iframe = Frame
embed-markdown = Link
embed-element-help = A live estimate with inputs. Needs to run a script and WebAssembly: script-src and connect-src of this site, and 'wasm-unsafe-eval', where the page has a policy.
embed-badge-help = One line with the verdict, linked to the full estimate.
embed-iframe-help = For sites that take no scripts.
embed-markdown-help = A link for a README or a chat, with what it shows in words.
embed-pin = Pin this version by its hash (Subresource Integrity)
embed-readonly = Without inputs
embed-config = The widget takes models of the catalogue; a pasted config or numbers need the link, or the element’s config property.
embed-copy = Copy
embed-copied = Snippet copied.
embed-not-copied = The browser did not allow copying. Select the text instead.
embed-close = Close
embed-snippet = Snippet
`;
