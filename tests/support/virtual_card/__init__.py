"""A CPx card without plastic: what OpenSC's driver for these cards asks of one, over a reader of vpcd.

``contents`` lays its files out (PKCS#15), ``chip`` answers its commands, ``reader`` puts it into a slot of a pcscd that
no other run can see, ``desktop`` gives a browser with a screen to the person who has it in hand. The form of the card
follows ISO 7816-4 and -15 and the IAS-ECC profile as far as it is read; only its authentication key is there.
"""
