"""What each key of latest.json means, for the tables."""

from __future__ import annotations

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    "lot_rsa4096_ratio": "certificats/s d'un lot sur signatures RSA-4096 nues/s des mêmes cœurs (but 0,78 puis 0,85)",
    "lot_rsa4096_cpu_ratio": "le même rapport en temps de processeur : ni voisins, ni attente, ni la mesure",
    "lot_rsa2048_ratio": "certificats/s d'un lot avec une AC RSA-2048 (but 0,30 puis 0,35)",
    "lot_rsa2048_cpu_ratio": "le même rapport en temps de processeur",
    "lot_rsa4096_first_s": "du lot accepté au premier certificat vu, en s",
    "lot_rsa4096_after_us": "travail remis après le lot (OCSP, examen des clés), en µs de processeur par certificat",
    "lot_rsa4096_polls_ws_us": "suivis de la mesure, côté service web, en µs par certificat (compris dans le lot)",
    "lot_rsa4096_polls_bench_us": "suivis de la mesure, de son côté, en µs par certificat (comptés à part)",
    "deposit_ratio": "dépôt d'un lot jusqu'à son index, sur une lecture validée des mêmes octets (but 3,0 puis 2,0)",
    "deposit_peak_mb": "mémoire de pointe du service web, en Mio (but 150)",
    "follow_up_ratio": "suivis d'un lot/s, 8 connexions, sur réponses/s de la même écoute à vide (but 0,40 puis 0,60)",
    "follow_up_per_s": "suivis de lot par seconde, TLS mutuel, connexions gardées",
    "single_ratio": "demandes isolées/s de 4 clients, sur signatures RSA-4096 nues/s (but 0,17 puis 0,25)",
    "single_item_per_s": "lots d'une demande par seconde, du dépôt à la signature",
    "single_wait_p95_ms": "du dépôt d'une demande isolée au certificat vu, 4 clients, 95e centile en ms",
    "mixed_p95_ms": "le même délai pendant qu'un grand lot est signé (but 1 000)",
    "idle_cpu_percent": "processeur de toute la plateforme au repos, en % d'un cœur (but 0,5)",
    "memory_peak_mb": "mémoire (PSS) de tous les processus pendant un grand lot, en Mio (but 600)",
    "campaign_cost_growth": "coût d'un certificat dans le dernier lot d'une campagne, sur celui dans le premier",
    "campaign_bytes_per_item": "croissance des tables et de leurs index, en octets par demande",
    "campaign_memory_growth": "mémoire de pointe (PSS) pendant le dernier lot, sur celle pendant le premier",
    "lint_cost_ratio": "coût du contrôle avant signature sur une signature RSA-4096 (but 0,10 au plus)",
    "pkcs11_per_s": "signatures par seconde par un jeton SoftHSM2, RSA-4096",
    "crl_1k_ratio": "CRL de 1 000 entrées, de la base au fichier publié, sur openssl ca -gencrl (but 1,0)",
    "crl_10k_ratio": "CRL de 10 000 entrées (but 0,6)",
    "crl_100k_ratio": "CRL de 100 000 entrées (but 0,4 puis 0,15)",
    "ocsp_cached_ratio": "réponses OCSP gardées/s, connexion gardée, sur le répondeur openssl ocsp (but 4 puis 5)",
    "ocsp_cached_new_connections_ratio": "les mêmes, une connexion par réponse (but 2 puis 3)",
    "ocsp_signed_per_s": "réponses OCSP signées (avec nonce) par seconde, un processus",
    "ocsp_ready_share": "part des certificats émis depuis 5 s dont la première réponse OCSP n'attend pas de signature",
    "revocation_p95_ms": "d'une révocation à la réponse OCSP qui la dit, pendant une CRL de 100 000 entrées, en ms",
    "search_p95_ms": "recherches parmi un million de demandes (PostgreSQL), 95e centile de toutes, en ms (but 50)",
    "import_lines_per_s": "lignes par seconde de l'extraction RPPS, dans un annuaire vide",
    "import_again_lines_per_s": "les mêmes, quand un seul nom a changé",
    "bulk_revocation_ratio": "révocation de 10 000 séries d'un fichier, sur les UPDATE nus d'autant de lignes",
}
