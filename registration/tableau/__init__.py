"""What an acteur finds when he comes."""
