"""With AUTH=true the embedded AWS refuses what no policy grants, Rekognition's calls too."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from local.emulator import Emulator

ACCOUNT = "000000000000"
COLLECTION = f"arn:aws:rekognition:us-east-1:{ACCOUNT}:collection/riders"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
}
PHOTO = {"S3Object": {"Bucket": "photos", "Name": "uploads/a.jpg", "Version": "1"}}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("log") / "authorization.jsonl"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, face_service, log):
    enforced = {"AUTH": "true", "AUTHORIZATION_LOG": str(log)}
    with Emulator(tmp_path_factory.mktemp("guarded"), face_service.url, extra_env=enforced) as emulator:
        yield emulator


def session(guarded, keys):
    def client(service):
        return boto3.client(
            service,
            endpoint_url=guarded.endpoint,
            region_name="us-east-1",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
        )

    return client


@pytest.fixture(scope="module")
def as_role(guarded):
    """Returns a function that gives clients of a new role with these grants."""
    root = session(guarded, {"AccessKeyId": "test", "SecretAccessKey": "test"})

    def assume(name, conditions=None, **grants):
        role = root("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
        statements = [
            {
                "Effect": "Allow",
                "Action": action.replace("_", ":"),
                "Resource": resource,
                "Condition": conditions or {},
            }
            for action, resource in grants.items()
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        root("iam").put_role_policy(RoleName=name, PolicyName="calls", PolicyDocument=policy)
        assumed = root("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")
        return session(guarded, assumed["Credentials"])

    return assume


def refusal(call, **parameters):
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return refused.value.response["Error"]["Code"]


def test_a_search_needs_the_grant_on_its_own_collection_and_on_the_photo(as_role, face_service, log):
    face_service.answers["SearchFacesByImage"] = lambda _: (200, {"FaceMatches": []})
    search = "rekognition_SearchFacesByImage"
    other = as_role("other", **{search: f"{COLLECTION}-of-others"})("rekognition")
    assert refusal(other.search_faces_by_image, CollectionId="riders", Image=PHOTO) == "AccessDeniedException"
    blind = as_role("blind", **{search: COLLECTION})("rekognition")
    assert refusal(blind.search_faces_by_image, CollectionId="riders", Image=PHOTO) == (
        "InvalidS3ObjectException"
    )
    granted = {search: COLLECTION, "s3_GetObjectVersion": "arn:aws:s3:::photos/*"}
    whole = as_role("whole", **granted)("rekognition")
    assert whole.search_faces_by_image(CollectionId="riders", Image=PHOTO)["FaceMatches"] == []
    decisions = [json.loads(line) for line in log.read_text().splitlines()]
    made = [(entry["role"], entry["action"], entry["allowed"]) for entry in decisions]
    action = "rekognition:SearchFacesByImage"
    assert made == [
        ("other", action, False),
        ("blind", action, True),
        ("blind", "s3:GetObjectVersion", False),
        ("whole", action, True),
        ("whole", "s3:GetObjectVersion", True),
    ]


def test_a_buckets_policy_lets_a_role_read_by_its_name_and_rekognition_as_the_role(
    guarded, as_role, face_service
):
    face_service.answers["DetectFaces"] = lambda _: (200, {"FaceDetails": []})
    root = session(guarded, {"AccessKeyId": "test", "SecretAccessKey": "test"})
    s3, place = root("s3"), {"Bucket": "faces", "Key": "a.jpg"}
    s3.create_bucket(Bucket="faces")
    s3.put_object(**place, Body=b"\xff\xd8face")
    refused = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::faces/*",
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/stage-*"}},
    }
    s3.put_bucket_policy(Bucket="faces", Policy=json.dumps({"Version": "2012-10-17", "Statement": [refused]}))
    image = {"S3Object": {"Bucket": "faces", "Name": "a.jpg"}}
    grants = {"s3_GetObject": "arn:aws:s3:::*", "rekognition_DetectFaces": "*"}
    function, other = as_role("stage-function", **grants), as_role("other-stage-function", **grants)
    assert function("s3").get_object(**place)["Body"].read() == b"\xff\xd8face"
    assert function("rekognition").detect_faces(Image=image)["FaceDetails"] == []
    assert refusal(other("s3").get_object, **place) == "AccessDenied"
    assert refusal(other("rekognition").detect_faces, Image=image) == "InvalidS3ObjectException"


MAIL = {
    "Destination": {"ToAddresses": ["rider@example.com"]},
    "Content": {"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hi"}}}},
}
IDENTITIES = f"arn:aws:ses:us-east-1:{ACCOUNT}:identity"


def test_a_mail_needs_the_grant_on_the_senders_identity_and_the_recipients(as_role):
    sender = f"{IDENTITIES}/photos@example.com"
    ses = as_role("postman", ses_SendEmail=[sender, f"{IDENTITIES}/rider@example.com"])("sesv2")
    denied = refusal(ses.send_email, FromEmailAddress="boss@example.com", **MAIL)
    assert denied == "AccessDeniedException"
    # Granted, but the emulator knows no verified sender.
    assert refusal(ses.send_email, FromEmailAddress="photos@example.com", **MAIL) != denied
    to_nobody = as_role("writer", ses_SendEmail=sender)("sesv2")
    assert refusal(to_nobody.send_email, FromEmailAddress="photos@example.com", **MAIL) == denied


def test_a_mail_needs_the_grant_on_its_configuration_set(as_role):
    ses = as_role("unset", ses_SendEmail=f"{IDENTITIES}/*")("sesv2")
    mail = MAIL | {"FromEmailAddress": "photos@example.com"}
    assert refusal(ses.send_email, **mail, ConfigurationSetName="riders") == "AccessDeniedException"
    assert refusal(ses.send_email, **mail) != "AccessDeniedException"


def test_a_mail_meets_the_condition_on_its_sender(as_role):
    ses = as_role(
        "clerk",
        conditions={"StringEqualsIgnoreCase": {"ses:FromAddress": "Photos@example.com"}},
        ses_SendEmail=f"{IDENTITIES}/*",
    )("sesv2")
    denied = refusal(ses.send_email, FromEmailAddress="boss@example.com", **MAIL)
    assert denied == "AccessDeniedException"
    assert refusal(ses.send_email, FromEmailAddress="photos@example.com", **MAIL) != denied


def test_unknown_keys_are_refused(guarded):
    keys = {"AccessKeyId": "AKIAUNKNOWN00EXAMPLE", "SecretAccessKey": "x"}
    assert refusal(session(guarded, keys)("dynamodb").list_tables) == "UnrecognizedClientException"
