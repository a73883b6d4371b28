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

    SIGN_IN_LINK_CREATED = "Sign-in Link Created", "was given a sign-in link made on the command line"
    REAUTHENTICATED = "User Reauthenticated", "confirmed who they are"
    SESSIONS_ENDED = "User Sessions Ended", "signed out elsewhere"
    PASSWORD_CHANGED = "User Password Changed", "changed their password"
    PROFILE_MODIFIED = "User Profile Modified", "changed their profile"
    AUTHENTICATOR_ADDED = "Authenticator Added", "added a second factor"
    AUTHENTICATOR_REMOVED = "Authenticator Removed", "removed a second factor"
    RECOVERY_CODES_GENERATED = "Recovery Codes Generated", "generated recovery codes"
    RECOVERY_CODES_VIEWED = "Recovery Codes Viewed", "looked at their recovery codes"

    MEMBER_LIST_VIEWED = "Member List Viewed", "looked at the list of members"
    MEMBER_VIEWED = "Member Viewed", "looked at a member and their roles"
    USER_INVITE_SENT = "User Invite Sent", "invited somebody"
    USER_INVITE_DELETED = "User Invite Deleted", "took an invitation back"
    USER_INVITE_ACCEPTED = "User Invite Accepted", "accepted an invitation"
    USER_REMOVED = "User Removed", "removed a member"
    USER_POLICY_UPDATED = "User Policy Updated", "changed a member's roles"
    SUPPORT_ACCESS_GRANTED = "Support Access Granted", "let support staff in"
    SUPPORT_ACCESS_REVOKED = "Support Access Revoked", "took support staff's access back"
    LABEL_CREATED = "Label Created", "made a label"
    LABEL_DELETED = "Label Deleted", "removed a label"

    WORKSPACE_SETTINGS_VIEWED = "Workspace Settings Viewed", "looked at the workspace settings"
    WORKSPACE_SETTINGS_MODIFIED = "Workspace Settings Modified", "changed the workspace settings"
    WORKSPACE_CREATED = "Workspace Created", "added the workspace"
    WORKSPACE_ELIGIBILITY_MODIFIED = "Workspace Eligibility Modified", "changed the workspace's plan or BAA"
    WORKSPACE_BAA_WARNED = "Workspace BAA Expiry Warned", "warned the owners that the BAA expires"

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
