// What vLLM's start-up logs print: weights, activation peak, graphs, KV memory and tokens. Rows in the common form.
