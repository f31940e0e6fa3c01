// The widget, and the dialog that writes its snippet.
export default `
widget-open = Formulas, limits and everything else in the estimator
widget-model = Model
widget-weights = Weights
widget-context = Context
widget-gpu = GPU
widget-checkpoint = as the checkpoint is
widget-no-gpu = none
`;
