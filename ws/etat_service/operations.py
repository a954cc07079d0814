"""The operation that asks for the service's own state."""

from __future__ import annotations

from spyne import MethodContext, Service, rpc

from registration.values import Texte
from runtime.clock import system_clock
from ws.contract.kinds import required
from ws.contract.names import CONTRACT_VERSION
from ws.etat_service.types import EtatService, TexteEnVigueur


class EtatServiceOperations(Service):
    """Names and arguments are those of the WSDL; ``ctx.udc`` is the Call."""

    @rpc(_returns=required(EtatService), _out_variable_name="etatService")
    def consulterService(ctx: MethodContext) -> EtatService:
        """State and limits of the service."""
        origin = ctx.udc.origin
        return EtatService(
            plateforme=ctx.udc.authority.plateforme.value,
            versionContrat=CONTRACT_VERSION,
            heure=system_clock(),
            acteur=origin.acteur.libelle,
            administrateur=None if origin.administrateur is None else origin.administrateur.libelle,
            demandesParLot=ctx.udc.max_items,
            octetsParMessage=ctx.udc.max_bytes,
            cgu=_texte(ctx.udc.authority.textes.cgu),
            pc=_texte(ctx.udc.authority.textes.pc),
        )


def _texte(texte: Texte) -> TexteEnVigueur:
    return TexteEnVigueur(version=texte.version, empreinte=texte.empreinte, adresse=texte.adresse)
