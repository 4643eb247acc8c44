"""Word lists of the sentence grammars, with many visible sounds: p b m, f v, w, rounded vowels, th.

An underscore stands for a space inside one entry.
"""


def _words(text):
    return tuple(word.replace("_", " ") for word in text.split())


WORDS = {
    "name": _words(
        "Peter Bob Mary Vivian Philip Beth Ruth Theo Wilma Walter Bruno Oscar Paula Matthew Thelma Judith Arthur Hugo Emma "
        "Robin Phoebe Vera Victor Julia Joyce Roy Louise Martha Keith Edith Pam Tim Sophie Felix George Joan Owen Eve Cleo "
        "Simon Zoe Quinn Boris Molly Toby Fiona Gavin Howard Irene Jonathan Kathy Lou Naomi Otto Rosa Uma Wendy Abby Chloe "
        "Diego Noah Olga Pablo Sheila Trevor Maeve Humphrey Bartholomew Wolfgang Beatrix Woody Morgan Faith Hope"
    ),
    "place": _words(
        "Boston Vienna Paris Bombay Plymouth Memphis Venice Warsaw Havana Lima Tampa Bath Moscow Rome Oslo Cairo Beirut Fiji "
        "Portugal Bavaria Cuba Peru Wales Tokyo Geneva Brooklyn Hamburg Toronto Ohio Utah Maine Glasgow York Java Zurich"
    ),
    "person": _words(
        "mother father brother baby farmer fisherman pilot baker plumber woman boy girl doctor nurse teacher painter waiter "
        "prime_minister lawyer driver thief king queen pianist judge captain neighbour grandmother cousin uncle shepherd "
        "beekeeper weaver author sheriff goalkeeper chef tailor mayor bride groom student soldier explorer choir referee"
    ),
    "animal": _words(
        "puppy bear wolf beaver moth fox bumblebee pony buffalo sheep wombat viper mouse parrot frog calf turtle goose hawk "
        "lamb zebra badger owl whale elephant hippo monkey beetle swan thrush robin hound kitten tiger camel dove falcon"
    ),
    "thing": _words(
        "boat bowl book map lamp violin piano umbrella pumpkin box bottle window roof wheel mop broom photograph feather "
        "cloth bathtub toothbrush mirror shovel pillow blanket apple muffin potato mushroom wallet watch bicycle vase "
        "chimney bucket candle zipper oven telephone trumpet drum globe hammer basket thimble lemon melon perfume stove "
        "television envelope vacuum web wool whip yo-yo jacket shoe spoon knife fork fence board wagon engine ladder"
    ),
    "stuff": _words(
        "milk water bread butter jam wood smoke powder paper wool money music soup beef tofu vinegar oatmeal pepper ham food "
        "soap mud foam fog ivory plywood velvet thread rhubarb yoghurt marble coffee flour fabric rubber moonlight breath"
    ),
    "spot": _words(
        "room bathroom village farm river beach mountain theatre market museum bank park bridge moon cave valley wharf "
        "basement attic forest hallway palace office lobby pub bakery bus_stop swamp orchard tower south north path zoo "
        "shop railway_platform library mill pool roof cupboard island volcano fountain boathouse meadow"
    ),
    "adjective": _words(
        "big small blue purple brown warm smooth rough thin thick awful beautiful wonderful marvellous peaceful brave foolish "
        "wise happy gloomy bitter sweet round square huge tiny old new wooden broken fluffy bumpy noisy quiet slow rapid "
        "heavy weak famous private favourite mouldy lovely empty full bright vivid feeble woolly muddy oval double curious "
        "thoughtful whole pale plump mauve smelly shabby frozen loose juicy poor rich useful zany unbelievable abominable"
    ),
    "transitive": _words(
        "bought moved pushed painted found broke swallowed threw followed borrowed washed grabbed wrapped dropped bumped "
        "photographed polished described removed buried mopped unwrapped remembered forgot weighed watched approved avoided "
        "improved shoved brought caught filmed folded fixed loved feared measured blamed praised chewed hid kept lost sold "
        "served shipped shook stole taught wiped zipped measured shouldered balanced imported swapped paved voted_for"
    ),
    "base_verb": _words(
        "buy move push paint find break throw follow borrow wash grab wrap drop bump polish describe remove bury weigh watch "
        "approve avoid improve bring film fold fix love believe measure blame praise choose keep lose sell serve show wipe "
        "prove prepare imagine visit provoke offer whisper_about think_about worry_about laugh_at bother compare employ"
    ),
    "intransitive": _words(
        "laughed wept slept moved waved jumped bowed whispered fell mumbled wobbled whistled vanished bathed prayed "
        "shivered yawned hopped swam flew snored paused panicked smiled blushed coughed bubbled boomed arrived left "
        "wandered moaned breathed hummed roared improved behaved woke_up gave_up showed_up lay_down looked_back spoke"
    ),
    "adverb": _words(
        "slowly quickly happily quietly very_softly bravely foolishly at_once by_mistake before_breakfast twice all_morning "
        "for_weeks every_evening once_more on_purpose in_the_moonlight this_afternoon without_a_word all_by_himself "
        "with_both_thumbs from_above for_a_moment perhaps somehow above_the_clouds before_Wednesday on_the_fifth_of_May "
        "through_thick_and_thin with_a_puff_of_smoke in_February over_the_weekend tomorrow as_before"
    ),
    "feeling": _words(
        "happy proud moody hopeful furious afraid brave bored confused thoughtful amused hopeless warm awful ashamed worried "
        "peaceful miserable surprised bitter overjoyed nervous thankful foolish envious weak wonderful grumpy blue"
    ),
    "colour": _words("blue brown purple yellow white black mauve pink orange olive beige silver gold violet green red"),
    "number": _words(
        "two three four five seven eight nine eleven twelve fifteen twenty thirty-five forty-four fifty-seven sixty ninety-nine "
        "one_hundred two_hundred_and_five five_thousand a_million a_dozen thirteen seventeen seventy-two eighty-one one_half_of_the"
    ),
    "things": _words(
        "apples bees books boats elephants wolves pebbles buttons paths waves photographs loaves months weeks moths bubbles "
        "thumbs mouths whispers coins mice horses pumpkins plums mops bulbs puppets tulips hooves thieves vowels wheels "
        "potatoes bagpipes olives gloves mugs chefs walls thorns voices verbs bombs roofs proofs juices toys oysters"
    ),
    "day": _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    "month": _words("January February March April May June July August September October November December"),
    "time": _words("five_o'clock half_past_four midnight noon quarter_to_two eight_thirty ten_past_one half_past_five dawn"),
    "ordinal": _words("first second third fourth fifth sixth seventh ninth tenth eleventh twelfth twentieth fifty-fifth hundredth"),
    "relation": _words("above below behind beside before beyond under over near with without from by for about opposite"),
    "subject_pronoun": _words("I you we they"),
    "third_pronoun": _words("he she it everybody nobody somebody"),
    "object_pronoun": _words("me him her them us it you everybody"),
    "possessive": _words("my your his her our their Bob's Beth's mother's somebody's"),
    "modal": _words("could would should might must will can may won't couldn't wouldn't shouldn't"),
    "exclamation": _words("oh wow whoa well oh_boy my_goodness hooray oof phew boo aha hey bravo goodbye welcome oops"),
    "greeting": _words("good_morning hello hi_there good_evening welcome_back how_do_you_do good_afternoon bye_for_now"),
    "reporting": _words("thought believed hoped knew wished imagined forgot remembered whispered swore proved supposed"),
    "nominal": _words(
        "truth youth love hope wealth health growth movement promise weather problem vision wisdom power peace method "
        "purpose value future beauty voyage machine theory mathematics rhythm breathing behaviour murmur boredom applause"
    ),
    "syllable": _words(
        "boo bah bee beau pooh paw pie pow mow moo may my fee foo far vie voo woo way why wow thaw thigh though thou "
        "shoe show joy jaw chew you yaw zoo so saw toe two tar do day coo cow go gay ooh ah oh ee awe hoe who bib pop mum "
        "poof move both bath mouth womb wove fob vamp beef fifth myth puff bump hymn"
    ),
    "letter": _words("A B C D E F G H I J K L M N O P Q R S T U V W X Y Z"),
}
