"""One turn: the model is asked, its calls are done, its answer is checked."""
