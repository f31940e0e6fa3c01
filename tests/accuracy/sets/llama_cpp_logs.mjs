// Buffers that llama.cpp, Ollama, LM Studio and ik_llama.cpp print at start, from published logs. Rows in the common form.
