"""What can be in the audit log. Title Case, object first, as documented; a value is never renamed or used again."""

from django.db import models


class EventType(models.TextChoices):
    """The action a row tells of. Each label says it in a sentence's words for the page."""

    SIGNED_IN = "User Signed In", "signed in"
    SIGNED_OUT = "User Signed Out", "signed out"
    SIGN_IN_FAILED = "User Sign In Failed", "failed to sign in"
    SESSION_TIMED_OUT = "Session Timed Out", "was signed out after idle time"
    ACCOUNT_LOCKED = "Account Locked", "was locked out after failed attempts to sign in"
    ACCOUNT_UNLOCKED = "Account Unlocked", "lifted a lock on an account"

    WORKSPACE_SETTINGS_VIEWED = "Workspace Settings Viewed", "looked at the workspace settings"
    WORKSPACE_SETTINGS_MODIFIED = "Workspace Settings Modified", "changed the workspace settings"
    WORKSPACE_ELIGIBILITY_MODIFIED = "Workspace Eligibility Modified", "changed the workspace's plan or BAA"

    SOURCE_CREATED = "Source Created", "added a source"
    SOURCE_ENABLED = "Source Enabled", "enabled a source"
    SOURCE_DISABLED = "Source Disabled", "disabled a source"
    SOURCE_MODIFIED = "Source Modified", "changed a source"
    SOURCE_LIST_VIEWED = "Source List Viewed", "looked at the list of sources"
    SOURCE_VIEWED = "Source Viewed", "looked at a source and its write key"

    DESTINATION_LIST_VIEWED = "Destination List Viewed", "looked at the list of destinations"
    DESTINATION_VIEWED = "Destination Viewed", "looked at a destination"
    DESTINATION_CREATED = "Destination Created", "added a destination"
    DESTINATION_ENABLED = "Destination Enabled", "enabled a destination"
    DESTINATION_DISABLED = "Destination Disabled", "disabled a destination"
    DESTINATION_MODIFIED = "Destination Modified", "changed a destination"
    DESTINATION_SETUP_VIEWED = "Destination Setup Viewed", "looked at a destination's setup"
    DESTINATION_SETUP_MODIFIED = "Destination Setup Modified", "answered a step of a destination's setup"
    EVENT_DELIVERY_VIEWED = "Event Delivery Viewed", "looked at a destination's deliveries"

    DATA_ENCRYPTION_VIEWED = "Data Encryption Viewed", "looked at a destination's data encryption"
    DATA_ENCRYPTION_ENABLED = "Data Encryption Enabled", "turned on data encryption"
    ENCRYPTION_KEYS_GENERATED = "Data Encryption Keys Generated", "generated encryption keys"
    ENCRYPTION_KEYS_DISCARDED = "Data Encryption Keys Discarded", "left unused encryption keys behind"

    FIELD_CLASSIFICATION_CHANGED = "Field Classification Changed", "changed a field's classification"
    PRIVACY_INVENTORY_VIEWED = "Privacy Inventory Viewed", "looked at the inventory"

    HIPAA_AUDIT_LOG_VIEWED = "HIPAA Audit Log Viewed", "looked at the HIPAA audit log"
    HIPAA_AUDIT_LOG_EXPORTED = "HIPAA Audit Log Exported", "downloaded the HIPAA audit log"

    ADMIN_LIST_VIEWED = "Support List Viewed", "looked at a list in Django admin"
    ADMIN_OBJECT_VIEWED = "Support Object Viewed", "looked at an object in Django admin"
    ADMIN_OBJECT_MODIFIED = "Support Object Modified", "changed an object in Django admin"

    ACCESS_DENIED = "Access Denied", "was refused"
