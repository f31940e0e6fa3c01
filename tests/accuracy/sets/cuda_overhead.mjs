// What a process takes outside its own allocator: driver context, libraries, collectives. Rows in the common form.
