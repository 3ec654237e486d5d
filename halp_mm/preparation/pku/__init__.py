"""PKU-MMD part I and II."""
