// The frame of every chart.
export default `
chart-capacity = capacity { $size }
export = Export
export-svg = SVG picture
export-png = PNG picture
export-csv = CSV table
export-json = JSON data
export-markdown = Markdown table
export-copied = Markdown copied.
export-not-copied = The browser did not allow copying.
table-twin = The same as a table
`;
