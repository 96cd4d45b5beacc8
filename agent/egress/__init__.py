"""What must not leave the kernel as it is: secrets, cards, account and identity numbers."""
