export default `
brand = Estimador de VRAM
nav-label = Páginas
nav-language = Modelos de lenguaje
nav-diffusion = Imagen y vídeo
nav-training = Entrenamiento
nav-accuracy = Precisión
nav-check = Comprobar un registro
nav-learn = Cómo funciona
skip-to-answer = Ir a la respuesta
units = Unidades
units-gib-help = Binario: 1 GiB son 1.073.741.824 bytes, lo que muestran controladores y motores
units-gb-help = Decimal: 1 GB son 1.000.000.000 bytes
language-label = Idioma
update-ready = Hay una versión nueva.
update-take = Recargar
footer-private = Calculado dentro de esta página. Nada de lo que introduces sale de tu navegador.
`;
