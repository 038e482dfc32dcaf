"""Why a parameter may move nothing: the conditions under which some act. Tests try each in a world that meets it."""

NOISE = 1e-9
"""Largest effect, in standard deviations of the outcome, that counts as rounding."""
ACTS_ONLY: dict[str, str] = {
    "gov.": "where governments react (model.governments: endogenous)",
    "budget.fungibility": "where chips are rationed by quota (model.rationing: quota)",
    "chip_market.import_substitution": "with the channel import_substitution",
    "research.slack": "with the channel slack",
    "budget.escape_competition": "with the channel escape_competition",
    "budget.state_reaction": "with the channel state_reaction",
    "budget.rival_scale": "with the channels escape_competition and state_reaction",
    "budget.aspiration_months": "with the channels slack and state_reaction",
    "budget.pooled_share": "where a state pools the chips of its labs (chip_allocation above 1)",
    "demand.peer_influence": "with the channel peers",
    "chip_market.mineral_output_loss": "where a government withholds minerals (mineral_control)",
    "talent.openness_effect": "where a government is more or less open to talent than on record (talent_openness)",
    "chip_market.tool_control_effect": "where dies are what China's output runs out of; packages and memory do before",
    "training.data_limit": "where text runs out, which it does not before the end of the 2020s",
    "training.synthetic_data_growth": "where text runs out, which it does not before the end of the 2020s",
    "chip_market.density_margin": "where the density of a chip, not its arithmetic, is what a rule denies",
    "serving.least_share": "where a lab can serve less than a tenth of its demand, which needs much spending",
    "pricing.least_price": "on price_fixed_capability, where a small model would be cheaper",
    "capability.anchor_growth": "where capability.eci_per_oom is not at the value that it is anchored at",
}
"""Parameters (by the start of the name) that do nothing in the recorded timeline, and where they act."""
ELSEWHERE = (
    "No condition is on record: it moves other measures than these, or acts only at places that the design did not "
    "reach (tests/test_parameters_matter.py tries every parameter)"
)


def why_inert(name: str) -> str:
    """Return why a parameter may have moved nothing, as far as it is known."""
    found = next((text for start, text in ACTS_ONLY.items() if name.startswith(start)), None)
    return f"It acts only {found}" if found else ELSEWHERE
