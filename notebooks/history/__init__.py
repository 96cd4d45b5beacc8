"""What files once held, kept and sealed."""
