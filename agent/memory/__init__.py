"""What the model is sent of the path's earlier requests, answers, code and results."""
