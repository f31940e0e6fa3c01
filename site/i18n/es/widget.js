export default `
widget-open = Fórmulas, límites y todo lo demás en el estimador
widget-model = Modelo
widget-weights = Pesos
widget-context = Contexto
widget-gpu = GPU
widget-checkpoint = como está el checkpoint
widget-no-gpu = ninguna
`;
