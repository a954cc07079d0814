"""Where the key of a demande is, as its withdrawal has to know: said by the page that made the CSR, by nobody else."""

from __future__ import annotations

from tests.support.world import World


def test_a_demande_remembers_that_its_key_stands_in_a_browser(world: World) -> None:
    assisted = world.place(world.form(csr_assistee=True))
    uploaded = world.place(world.form(key=1))
    world.run_batch()
    read = world.ra.demandes.read
    acteur = world.origin().acteur
    assert read(acteur, assisted).csr_assistee is True
    assert read(acteur, uploaded).csr_assistee is False


def test_a_lot_never_says_so(world: World) -> None:
    index = world.issued(world.form())
    [numero] = world.numeros(index)
    assert world.ra.demandes.read(world.origin().acteur, numero).csr_assistee is False
