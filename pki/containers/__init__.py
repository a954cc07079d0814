"""The forms in which certificates and keys are handed over: PKCS#7, PKCS#12."""
