"""The four events of the wish that started the project, values exactly as given."""

from __future__ import annotations

from typing import Any

WISHED: list[dict[str, Any]] = [
    {
        "id": "f511d4ed-0fcc-4676-bb73-5fa17555512e",
        "timestamp": "2022-12-14T17:33:43.369Z",
        "eventId": "1001",
        "eventType": "authentication",
        "sourceIp": "39.1.231.14",
        "targetUser": "user2@contoso.com",
        "result": "success",
        "method": "saml",
        "mfa": "unknown",
        "mfaType": "unknown",
        "message": "user2@contoso.com successfully logged in.",
    },
    {
        "id": "a853527b-c608-4e40-b590-8ef361e0bb60",
        "timestamp": "2022-12-14T17:41:16.848Z",
        "eventId": "1001",
        "eventType": "authentication",
        "sourceIp": "142.111.3.4",
        "targetUser": "user3@example.com",
        "result": "success",
        "method": "local",
        "mfa": False,
        "mfaType": "none",
        "message": "user3@example.com successfully logged in.",
    },
    {
        "id": "74cbee29-ae57-4bda-9c4a-e29cb7defc35",
        "timestamp": "2022-12-14T17:46:11.528Z",
        "eventId": "1001",
        "eventType": "authentication",
        "sourceIp": "142.111.5.74",
        "targetUser": "user4@contoso.com",
        "result": "success",
        "method": "local",
        "mfa": True,
        "mfaType": "totp",
        "message": "user4@contoso.com successfully logged in.",
    },
    {
        "id": "37ef5018-f3a3-440d-94ba-bb220fb9f8a4",
        "timestamp": "2022-12-14T17:20:11.419Z",
        "eventId": "4001",
        "eventType": "itemchange",
        "sourceIp": "138.13.85.235",
        "sourceUser": "user1@example.com",
        "itemName": "Company Amazon account",
        "folderName": "Shared-Company Web Accounts",
        "attribute": "username",
        "action": "cleared",
        "message": 'user1@example.com cleared the username attribute on "Company Amazon Account" in folder '
        '"Shared-Company Web Accounts".',
    },
]
