"""The words that a random prompt is drawn from; written by ``python -m scripts.prompts.choose``.

Everyday words of two to four syllables in the CMU pronouncing dictionary, none of which sounds like another common
word. Any two of them differ in 3 phones and in 40% of the longer one's, at least.
"""

PROMPT_WORDS: tuple[str, ...] = tuple(  # as a text, which reads and edits better than quoted words
    """
    acorn acrobat activity address adobe adventure afternoon agency agenda airline alarm album almanac aloha alphabet
    alpine ambulance amused ancestor animal announcer antenna antique applause apricot april aquarium aquatic arcade
    arena armchair artichoke article asphalt assembly asteroid astronaut athlete atmosphere atrium attitude audience
    avenue avocado awake awesome axis backpack backstage backyard bagpipe bakery ballet ballpark bandage bandana banjo
    barefoot barista barley baseball basement basic basil basketball bathroom bathtub beauty bedspread bedtime
    beekeeper beginner believe beverage bicycle billboard biologist birthday biscuit blackberry blacksmith blanket
    blissful blizzard boardwalk bobcat bobsled bodyguard bonfire bookcase bookshelf boomerang boulevard boxcar
    bracelet branches bravo breakdown breakfast briefcase briefly brilliant broadcast brochure brownie buckwheat
    buffalo buggy building bulldozer bulletin burrito buttercup butterfly button calcium calculate calendar calico
    camera campfire campground candlestick canopy canvas captain caravan carefree cargo carpenter cartoon cartwheel
    cashier casserole casual caterpillar catfish cathedral cauliflower cavalry ceiling celebrate centipede century
    ceramic ceremony certificate chairman challenge chameleon champion chapter charcoal charity cheerful cheesecake
    chemical chemist chestnut chicken chieftain childhood chipmunk chocolate chorus cider citizen classroom climate
    clinic clockwork cloudy clover clubhouse cobalt cobbler cobweb cockpit coconut coffee college comfort command
    common company complex computer confetti confident connect container convoy corduroy cornfield cosmic countdown
    country coupon courteous courtyard cowboy coyote crackers cradle crayon creative crescent cricket crimson
    crocodile crossword crunchy crystal cucumber cuisine culture cupcake curious customer cutlery cutout cyclist
    cyclone daffodil dancer dandelion darkness dashboard database daughter daybreak daydream debate debut decent
    decorate degree delicate delicious delta deluxe department deposit deputy design detail detective devotion diagram
    dialect dictionary digital dignity dinosaur diploma discount discover disguise dishwasher display distance
    dividend document dogwood dolphin doorbell doorknob doorstep doorway dormitory dragon dramatic driftwood driver
    drizzle duckling dungeon durable dynamic dynamo earmuffs earphone earthquake easygoing eclipse economy education
    effort eggplant eggshell elbow election electric elevator embassy emerald empire employee encourage endless engage
    engineer enjoy enrich envelope episode equal equator essential estate eternal evening event evergreen exact
    example excellent exercise exhibit exotic expand expert explain express extra eyebrow eyelash fabric factory
    falcon family farewell farmer farmhouse feedback fencing festival fidelity figure finance fingerprint firefly
    fireplace firewood fishbowl fisherman flagpole flagship flamingo flashlight flexible florist fluid flywheel focus
    folklore follow football footprint footstep forever forgive fortune foundation fraction fragrance freckle freedom
    freestyle freezer friday friendly frisbee frontier frozen fruitcake furniture future galaxy gallery garage garden
    garlic gasoline gazelle general genius genuine geography giant gingerbread glasses glitter global glory godfather
    goggles goldfish gondola gopher gourmet gracious grammar grandmother grandstand grapefruit grapevine graphite
    grasshopper grateful gravity greenhouse griffin grocery groundhog guesthouse guidebook guitar gymnast habit
    hallmark hamburger hamster handle handshake handwriting happy hardware harmony harvest hazelnut headband headlight
    headphone healthy heartbeat hedgehog helicopter helium helmet helpful heritage heroic highway hillside hilltop
    history holiday homemade homestead homework honest honeymoon hopscotch horizon horseback horseshoe hospital hotdog
    hotel hourglass houseboat household hovercraft humble hurricane husband hybrid hydrogen iceberg ideal identity
    igloo iguana illusion imagine important improve impulse inbox incoming indigo industry infinite ingredient
    innocent inspire interior internet interview invite island jackpot jaguar january jasmine jellyfish jersey jigsaw
    jubilee jukebox jungle jupiter justice kangaroo ketchup keyboard keyhole kidney kindling kindness kingdom kneecap
    koala ladybug lakeside landlord landscape language laptop lasagna launching laundry lawnmower leaflet legend
    liberal library lifeboat lifeguard lifetime lighthouse lightning likely limelight limestone limousine linden
    lipstick liquid livestock locomotive logbook logical logo lollipop longhorn lookout lottery luggage lullaby
    lumberjack luminous lunar luxury macaroni machine magazine magic magnetic mahogany mailbox mailman mainland
    majesty majority mammoth manager mandarin mango manual manuscript marathon marigold market marmalade masterpiece
    matrix mattress mechanic media medicine melody memory mercury message microphone midsummer midway migrate
    milkshake millstone miniature minimum minute miracle mockingbird modern module molecule moment monarch monkey
    monorail monster moonbeam moonlight mosaic mosquito mother motivate motorcycle mountain mousetrap mouthwash movie
    mudslide multiply mural museum mushroom music mustard mutual napkin native natural navigator necklace nectar
    nephew network newborn newspaper nightfall nightingale normal northern northwest nostalgia notebook noteworthy
    novel november number numerous nursery nutcracker nutmeg oatmeal object observe obvious octagon october octopus
    office official olympic omelet opening opinion optimist option orange orchard orderly organic ostrich outback
    outdoor outfit outgoing outpost overcoat ozone pacific package paintbrush pajamas pancake panorama paprika
    parallel parcel parent partner passbook passenger pasta pastel pathway patience pattern peacock penalty penguin
    peninsula pentagon people percent performer perfume period permit petunia philosophy photograph physics picture
    piglet pilgrim pinball pineapple pioneer pistachio pizza planet plantation plastic plateau platform player
    playground plenty plywood podium policy polite poncho ponytail popcorn popular portfolio portrait positive
    postcard postman potato poultry powerful prelude premium pressure pretend priceless primary primrose princess
    printout prisoner private problem produce professor profile project promise proposal prosper proudly proverb
    publish pulley pumpkin punctual pyramid python quality quantum quarter question quicksilver quilted raccoon
    racetrack radar radiator ragtime railroad railway rainbow raindrop rainfall raisin rational rattlesnake rearview
    recipe recital record rectangle redwood regatta region rejoice relax reliable relish remark remember remote
    renovate reporter reptile rescue research reservoir resident resolve respect respond restaurant revive rhubarb
    rhythm ringmaster riverbank roadblock roadside robust romance rosebud rosemary routine royal runaway safari safety
    saffron sailboat salon salsa saltwater sanctuary sandpaper sandwich sapphire satellite satisfy saturday saucepan
    savings sawdust scallop scarecrow scarlet scholarship schoolhouse scientific scorpion scramble screwdriver seafood
    searchlight secret segment senior sentence sequence sequoia serenade series shadow shampoo shamrock sheriff
    shipwreck shipyard shoelace shortcake shoulder showroom sidewalk signal silhouette silver similar sincere skeleton
    skyline skyscraper slogan sloping snapshot snowflake snowman snowstorm sociable softball solution sombrero someone
    sonar songbird sonnet soprano souvenir soybean spaceship spaghetti spaniel sparrow spatula speaker special
    spectrum speedway spinach splendid sponsor spoonful spotlight sprinkle squadron squeaky squiggle stadium stainless
    staircase stallion stampede standard stapler starboard starfish station statue steamboat steamship stencil stirrup
    stocking stopwatch storage storybook stranger strategy strawberry streamline streetcar stronghold structure
    student studio stylish submarine suburb succeed sugar suggest suitcase sunday sunflower sunset support surface
    surfboard surprise survey suspend sweater sweetheart swiftly swimsuit swordfish symphony table tadpole tailgate
    talkative tangerine taxi teacher teapot teaspoon technique teenager telephone temple tennis textbook thankful
    thermal thermometer thoughtful thrifty thumbnail thunderstorm timeless tiptoe toaster toenail together tomorrow
    toolbox toothbrush topaz topic tornado tortilla tourist tournament township tractor tradition traffic trailer
    trampoline transfer transit transport travel tremendous tribute trombone trophy trousers trumpet tuesday tugboat
    tulip tundra turbine turnstile turquoise twilight typhoon ultimate umbrella underline unfold uniform union unique
    universe update uphill upstairs uptown useful valentine valid vanguard vanilla vapor variety vehicle vendor
    veranda verdict veteran vibrant video viking vinegar vineyard vintage vinyl viola violin virtual visitor vitamin
    volcano volleyball volume voluntary wallpaper walnut wardrobe warehouse washcloth waterfall waterfront watermelon
    waterway wavelength website wedding wednesday weekday weekend welcome westward wheelchair whiskers whistle widget
    wildcat windshield wingspan winter wireless witness wombat wonderful woodland woodpecker woodwork workbench worker
    workroom workshop wristwatch yardstick yearbook yesterday yodel yogurt younger zigzag zodiac zoology
    """.split()  # noqa: SIM905
)
"""In alphabetical order, each once."""
