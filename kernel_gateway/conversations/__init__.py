"""Operations on whole conversations and paths: branch, merge, export, delete, clean up."""
