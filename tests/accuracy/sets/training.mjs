// Peaks of training and fine-tuning as libraries and papers publish them. Rows in the common form.
