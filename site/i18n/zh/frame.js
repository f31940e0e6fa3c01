export default `
brand = 显存估算器
nav-label = 页面
nav-language = 语言模型
nav-diffusion = 图像与视频
nav-training = 训练
nav-accuracy = 准确度
nav-check = 核对日志
nav-learn = 原理
skip-to-answer = 跳到结果
units = 单位
units-gib-help = 二进制：1 GiB 为 1,073,741,824 字节，驱动和引擎所用
units-gb-help = 十进制：1 GB 为 1,000,000,000 字节
language-label = 语言
update-ready = 新版本已就绪。
update-take = 重新加载
footer-private = 全部在本页内计算。您输入的内容不会离开浏览器。
`;
