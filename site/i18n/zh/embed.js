export default `
embed-heading = 把此估算放进您的页面
embed-form = 形式
embed-element = 元素
embed-badge = 徽章
embed-iframe = 框架
embed-markdown = 链接
embed-element-help = 带输入项的实时估算。需要运行脚本和 WebAssembly：若页面有安全策略，需允许本站的 script-src 与 connect-src，以及 'wasm-unsafe-eval'。
embed-badge-help = 一行结论，链接到完整估算。
embed-iframe-help = 适用于不允许脚本的网站。
embed-markdown-help = 用于 README 或聊天的链接，附文字说明。
embed-pin = 用哈希固定此版本（Subresource Integrity）
embed-readonly = 不含输入项
embed-config = 元素只接受目录中的模型；粘贴的配置或数字请用链接，或元素的 config 属性。
embed-copy = 复制
embed-copied = 代码已复制。
embed-not-copied = 浏览器不允许复制。请手动选择文本。
embed-close = 关闭
embed-snippet = 代码
`;
