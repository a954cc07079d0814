"""What a hospital uses: the zeep client and its command line. Sees only the published contract."""
