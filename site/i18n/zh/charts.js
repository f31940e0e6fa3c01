export default `
chart-capacity = 容量 { $size }
export = 导出
export-svg = SVG 图片
export-png = PNG 图片
export-csv = CSV 表格
export-json = JSON 数据
export-markdown = Markdown 表格
export-copied = Markdown 已复制。
export-not-copied = 浏览器不允许复制。
table-twin = 以表格显示
`;
