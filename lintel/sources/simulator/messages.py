"""Short synthetic messages. Their words say nothing that the event's kind does not: no hidden hint at the future.

Telephone numbers are from the block reserved for fiction (555-0100 to 555-0199), addresses end in example.com.
"""

from collections.abc import Iterator

_FROM_LEAD = (
    "Hi, is this one still available?",
    "Thanks for getting back to me. Could you send me the floor plan?",
    "We like the kitchen but the price seems too high compared with the one on {street}.",
    "Can we see it this weekend? Call me at {phone}.",
    "My budget is around {amount}, not more.",
    "We hope to move within {months} months.",
    "Please write to {email}, I am at work during the day.",
    "What are the HOA fees and the property taxes?",
    "I need to talk to my partner first.",
    "Great, that sounds good!",
    "Our lender says up to {amount}. My number is {phone}.",
    "Not sure about the neighbourhood, do you have something closer to {street}?",
)
_FROM_AGENT = (
    "Hi, thanks for your enquiry! When would you like to see it?",
    "Three new listings near {street} that fit what you asked for.",
    "Just checking in: are you still looking around {amount}?",
    "Do you have time for a quick call this week? You can reach me at {phone}.",
    "The seller of the house on {street} lowered the price. Want to have a look?",
)
_VIEWING = ("Yes, that time works for me, see you there.", "Could I see the house then? My number is {phone}.")
_STOP = ("STOP", "Please stop writing to me and remove me from your list.", "Unsubscribe {email}")
_STREETS = ("Maple Street", "Birch Avenue", "Lake Road", "Second Street", "Juniper Way", "Mill Lane")


def from_lead(draws: Iterator[float], amount: float) -> str:
    return _filled(_FROM_LEAD, draws, amount)


def from_agent(draws: Iterator[float], amount: float) -> str:
    return _filled(_FROM_AGENT, draws, amount)


def viewing(draws: Iterator[float], amount: float) -> str:
    return _filled(_VIEWING, draws, amount)


def stop(draws: Iterator[float], amount: float) -> str:
    return _filled(_STOP, draws, amount)


def _filled(templates: tuple[str, ...], draws: Iterator[float], amount: float) -> str:
    template = pick(templates, next(draws))
    line = int(next(draws) * 100)
    return template.format(
        street=pick(_STREETS, next(draws)),
        amount=f"${round(amount, -3):,.0f}",
        months=2 + line % 8,
        phone=f"(303) 555-01{line:02d}",
        email=f"buyer{line:02d}@example.com",
    )


def pick(words: tuple[str, ...], draw: float) -> str:
    return words[int(draw * len(words))]
