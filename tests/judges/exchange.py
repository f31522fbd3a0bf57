"""How a judge signs in to the lab as a mail user, with exchangelib."""

import exchangelib
from exchangelib import DELEGATE, Account, Configuration, Credentials, ExtendedProperty, Message
from exchangelib.protocol import BaseProtocol

VOICE_CLASS = "IPM.Note.Microsoft.Voicemail.UM.CA"


class SenderTelephoneNumber(ExtendedProperty):
    property_tag = 0x6802
    property_type = "String"


class VoiceMessageDuration(ExtendedProperty):
    property_tag = 0x6801
    property_type = "Integer"


class AttachmentOrder(ExtendedProperty):
    property_tag = 0x6805
    property_type = "String"


# Exchange takes the class of a new item; exchangelib alone thinks it cannot be said.
Message.get_field_by_fieldname("item_class").is_read_only = False
Message.register("telephone_number", SenderTelephoneNumber)
Message.register("duration_s", VoiceMessageDuration)
Message.register("attachment_order", AttachmentOrder)


def sign_in(site):
    """The account of the user whom the test names: `ews`, `address`, `password`."""
    BaseProtocol.TIMEOUT = 60
    configuration = Configuration(
        service_endpoint=site["ews"],
        credentials=Credentials(site["address"], site["password"]),
        auth_type="basic",
        version=exchangelib.Version(exchangelib.version.EXCHANGE_2016),
    )
    return Account(site["address"], config=configuration, autodiscover=False, access_type=DELEGATE)


def voice_messages(folder):
    return list(folder.filter(item_class=VOICE_CLASS).order_by("-datetime_received"))
