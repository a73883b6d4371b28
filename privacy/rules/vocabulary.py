"""How personal fields are called beyond the matchers' own names, as data: what likeness of letters does not find.

Phrases are written in words, lower case; `privacy.rules.words.words` brings a key into the same form. Tuned on the
training half of tests/benchmarks/detection_set.txt only.
"""

from __future__ import annotations

# Default matcher -> phrases that stand for it wherever they stand within a key, one after another.
PHRASES: dict[str, tuple[str, ...]] = {
    "social security number": ("ssn", "social security", "social sec", "sin", "national insurance number", "itin"),
    "password": (
        "passwd",
        "pwd",
        "passphrase",
        "passcode",
        "pin",
        "pin code",
        "otp",
        "security answer",
        "secret answer",
    ),
    "veteran": ("military", "armed forces"),
    "disability": ("disabled", "handicap", "accessibility needs", "special needs", "wheelchair"),
    "credit card": (
        "card number",
        "card no",
        "cc number",
        "cc num",
        "pan",
        "cvv",
        "cvc",
        "debit card",
        "card security code",
        "card expiry",
        "card exp",
        "card last",
        "card brand",
    ),
    "passport": ("passport no",),
    "token": ("access token", "api key", "secret", "jwt", "bearer", "authorization", "cookie", "credentials"),
    "race": ("racial",),
    "birthdate": ("birth", "dob", "birthday", "date of birth", "born"),
    "phone": ("mobile number", "cell", "telephone", "tel", "fax", "msisdn", "mobile", "whatsapp"),
    "address": ("addr", "address line", "residence", "apt", "apartment", "house number", "po box"),
    "gender": ("gender identity", "pronouns"),
    "ethnicity": ("ethnic", "hispanic", "latino"),
    "citizenship": ("nationality", "citizen", "immigration"),
    "name": (
        "first name",
        "last name",
        "surname",
        "given name",
        "family name",
        "full name",
        "middle name",
        "maiden name",
        "nick name",
        "fname",
        "lname",
        "names",
        "alias",
        "spouse",
        "spouses name",
        "initials",
        "middle initial",
        "salutation",
        "next of kin",
        "physician",
        "doctor",
        "care provider",
        "ordering provider",
        "referring provider",
        "attending provider",
        "policy holder",
    ),
    "street": ("street address",),
    "city": ("town", "municipality"),
    "zipcode": ("zip", "postal code", "postcode", "post code", "postal"),
    "email": ("e mail", "mail address"),
    "certificate": ("certification",),
    "license": ("licence", "driver license", "drivers license", "dea", "dea number"),
    "identification": (
        "mrn",
        "medical record number",
        "patient id",
        "patient number",
        "member id",
        "member number",
        "subscriber id",
        "insured id",
        "insureds id",
        "insured number",
        "cardholder id",
        "beneficiary",
        "medicaid",
        "medicare",
        "hicn",
        "npi",
        "policy number",
        "national id",
        "government id",
        "employee id",
        "employee number",
        "health card",
        "insurance id",
        "nhs number",
        "tax id",
        "vat",
        "taxvat",
        "account number",
        "bank account",
    ),
    "serial": (
        "imei",
        "meid",
        "device id",
        "device identifier",
        "udid",
        "serial number",
        "advertising id",
        "idfa",
        "gaid",
    ),
    "ip": ("ip address", "ip addr", "client ip", "remote addr", "forwarded for"),
    "photo": ("avatar", "selfie", "picture", "headshot", "portrait", "signature image", "face image"),
    "salary": ("income", "wage", "wages", "compensation"),
    "religion": ("religious", "faith"),
    "mac": ("mac address", "mac addr"),
    "sexual orientation": ("orientation", "sexual preference"),
    "medication": (
        "drug",
        "rx",
        "prescription",
        "medicine",
        "dosage",
        "dose",
        "dispense",
        "ndc",
        "vaccine",
        "give code",
        "administered code",
    ),
    "allergy": ("allergies", "allergen", "allergic", "intolerance"),
    "condition": (
        "disease",
        "symptom",
        "symptoms",
        "illness",
        "comorbidity",
        "medical history",
        "family history",
        "chief complaint",
        "visit reason",
        "reason for visit",
        "conditions",
        "pregnancy",
        "pregnant",
        "hiv",
    ),
    "diagnosis": ("icd", "diagnoses", "diagnosed", "dx", "drg"),
    "procedure": ("cpt", "hcpcs", "surgery", "surgeries", "treatment"),
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words in a key that say it counts, switches or describes something: no person's data, whatever else the key holds.
OF_THINGS = _words(
    "count counts enabled visible shown used opened clicked sent printed uploaded offered verified accepted bounced "
    "unsubscribed subscribed subscription campaign template subject domain reminder quiz queue menu mode filter "
    "filters feature version model color colour style layout format download file setting settings config"
)

# Last keys that only say how a thing is written down: what it is stands in the key around them.
SAY_NOTHING = _words("code codes text value values display coding data content")

# Default matcher -> words, within the key or outside it, that turn a hit into something about a thing, not a person.
OTHERWISE: dict[str, frozenset[str]] = {
    "name": _words(
        "event file product page app application browser os device campaign library category brand store plan host "
        "domain class field column table tag screen function method module package feature server service coupon "
        "company organization organisation business merchant vendor supplier employer account opportunity deal lead "
        "group team department facility clinic hospital pharmacy payer insurance order item line list test lab sdk db "
        "database k8s pod namespace container image thread process messaging queue topic faas lambda button link form "
        "element experiment variant version code source medium content action project workspace environment template "
        "report document channel"
    ),
    "address": _words("memory contract block server email bar wallet store"),
    "token": _words("max total usage limit"),
    "condition": _words("weather item product terms air type"),
    "procedure": _words("stored sql"),
    "license": _words("software type"),
    "certificate": _words("ssl tls pinning ca root server"),
    "birthdate": _words("place multiple weight certificate control sex"),
    "race": _words("trace span id"),
    "phone": _words("os brand head store company business"),
    "street": _words("view store"),
    "city": _words("capital"),
    "ip": _words("country region state timezone city zipcode zip isp"),
    "mac": _words("os app"),
    "zipcode": _words("archive"),
    "identification": _words("method"),
    "diagnosis": _words("diagnostic diagnostics"),
    "allergy": _words("free"),
    "passport": _words("control"),
    "photo": _words("product"),
    "email": _words("reason"),
}

# Whole words that merely look like a matcher's: likeness does not count for them.
FALSE_FRIENDS = _words(
    "trace traces tracing surface precondition preconditions unconditional conditional conditions rename filename "
    "username hostname namespace velocity capacity opacity simplicity serialize serializer tokenize"
)
