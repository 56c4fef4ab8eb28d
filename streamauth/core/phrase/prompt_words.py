"""The words that a random prompt is drawn from.

Common words of mostly two or three syllables, all in the CMU pronouncing dictionary. Left out are words that sound
like another common one, and of any two words that share more than six tenths of their phones, one.
"""

PROMPT_WORDS: tuple[str, ...] = tuple(  # as a text, which reads and edits better than 256 quoted words
    """
    acorn adventure album alligator almond alphabet amber anchor angel animal answer apple artist autumn avenue
    bacon balance balloon banana basket battery beaver bedroom bicycle blossom blueberry bottle branch breakfast
    bridge broccoli brother buffalo building butterfly cabbage cactus calendar camera candle carbon caterpillar
    cedar cement champion chapter cherry chimney chocolate circle citizen climate cloud coconut coffee collar
    computer concert country cousin cucumber daisy daughter december detective dictionary dinner dolphin donkey
    dragon drawer dream driver eagle elbow electric elephant emerald envelope falcon family farmer feather
    festival fiddle finger fireplace flamingo forest fountain freedom friday frozen fruit garage garlic gentle
    giant giraffe glacier golden grandfather grape grass green guitar hamburger hammock helicopter helmet
    holiday honey horizon hospital husband iceberg ivory jaguar jelly journey jungle kangaroo keyboard kingdom
    ladder lantern laundry leopard library lightning lobster lunch machine magazine magician mango market meadow
    medicine melody microscope mirror mosquito motor museum mushroom music napkin nature nephew newspaper
    notebook november oatmeal ocean october office onion orchard orchestra ostrich oxygen paper parrot partner
    pelican penguin perfume photograph piano picnic picture pillow pineapple plastic platform popcorn potato
    powder president prince problem professor pudding pumpkin pyramid quarter queen question quilt railroad
    rainbow rectangle ribbon sailor salad sandwich satellite saucer scientist scissors scorpion secret september
    shadow shoulder spinach squirrel stadium station strawberry submarine sugar summer sweater table tangerine
    teacher telephone temple thermometer thunder thursday ticket tiger toast tobacco tornado tractor traffic
    treasure triangle trumpet turkey twilight umbrella uniform universe vacuum vanilla victory village vinegar
    violin visitor volcano walnut waterfall wednesday whisper wilderness wolf worker yellow yesterday yogurt
    """.split()  # noqa: SIM905
)
"""In alphabetical order, each once."""
