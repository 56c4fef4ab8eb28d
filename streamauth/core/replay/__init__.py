"""Was this very sound heard before? Coarse traces of earlier attempts, and their comparison with a new one."""
