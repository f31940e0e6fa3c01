export default `
embed-heading = Pon esta estimación en tu página
embed-form = Forma
embed-element = Elemento
embed-badge = Insignia
embed-iframe = Marco
embed-markdown = Enlace
embed-element-help = Una estimación viva con campos. Ejecuta un script y WebAssembly: si la página tiene una política, necesita script-src y connect-src de este sitio y 'wasm-unsafe-eval'.
embed-badge-help = Una línea con el veredicto, enlazada a la estimación completa.
embed-iframe-help = Para sitios que no admiten scripts.
embed-markdown-help = Un enlace para un README o un chat, con lo que muestra en palabras.
embed-pin = Fijar esta versión por su hash (Subresource Integrity)
embed-readonly = Sin campos
embed-config = El elemento admite modelos del catálogo; una configuración pegada o números necesitan el enlace, o la propiedad config del elemento.
embed-copy = Copiar
embed-copied = Fragmento copiado.
embed-not-copied = El navegador no permitió copiar. Selecciona el texto.
embed-close = Cerrar
embed-snippet = Fragmento
`;
