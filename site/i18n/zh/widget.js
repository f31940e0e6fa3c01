export default `
widget-open = 在估算器中查看公式、上限和其他内容
widget-model = 模型
widget-weights = 权重
widget-context = 上下文
widget-gpu = GPU
widget-checkpoint = 与检查点一致
widget-no-gpu = 无
`;
