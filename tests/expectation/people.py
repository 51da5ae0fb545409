"""Names, places and numbers of invented people."""

GIVEN = [
    "Ada", "Bruno", "Chloé", "Dmitri", "Elif", "Fatima", "Gábor", "Hana", "Iñaki", "Jürgen", "Κώστας", "Lena", "Mei",
    "Noor", "Óscar", "Priya", "Quentin", "Rosa", "Søren", "Татьяна", "Umar", "Věra", "Wanjiru", "Xiulan", "Yusuf", "Zoë",
    "太郎", "李娜",
]
FAMILY = [
    "Adler", "Björk", "Castro", "de la Cruz", "Eriksson", "Fernández", "García Márquez", "Håkansson", "Ivanov", "Jansen",
    "Kowalski", "Łukasz", "Müller", "Nguyễn", "O'Brien", "Παπαδόπουλος", "Quist", "Rossi", "Smith", "Татаринова",
    "Ueda", "van Dijk", "Weiß", "Xu", "Yılmaz", "Žižek", "山田", "王",
]
TITLES = ["Engineer", "Buyer", "Head of Sales", "Tester, senior", "Archivist", "Vorstand für Einkauf"]
DEPARTMENTS = ["R&D", "Sales", "Finance", "Legal", "Werk 2", "物流"]
PLACES = [
    ("Berlin", "BE", "10115", "DE", "Chausseestraße 5"),
    ("Kraków", "MA", "31-042", "PL", "Rynek Główny 1"),
    ("São Paulo", "SP", "01310-100", "BR", "Avenida Paulista 900"),
    ("Springfield", "IL", "62701", "US", "1 Main St, Suite 4"),
    ("京都", "Kyōto", "604-8571", "JP", "寺町通 488"),
]
LANGUAGES = ["en-GB", "de", "pl", "pt-BR", "ja", "fr;q=0.8"]
# Ways to write a common name that a distinguished name must escape.
AWKWARD = ["{family}, {given}", "{given} + {family}", '{given} "{family}"', "#{family}", "{given} <{family}>; x", "{family}\\{given}"]
