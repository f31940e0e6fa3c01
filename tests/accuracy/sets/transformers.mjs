// Peaks of Hugging Face generate() on one A100, as published with Qwen2 and Qwen2.5. Rows in the common form.
