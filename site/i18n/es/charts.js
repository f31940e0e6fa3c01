export default `
chart-capacity = capacidad { $size }
export = Exportar
export-svg = Imagen SVG
export-png = Imagen PNG
export-csv = Tabla CSV
export-json = Datos JSON
export-markdown = Tabla Markdown
export-copied = Markdown copiado.
export-not-copied = El navegador no permitió copiar.
table-twin = Lo mismo en una tabla
`;
