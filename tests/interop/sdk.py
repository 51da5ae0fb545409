"""Clients of Microsoft Graph against the management API: tokens with MSAL, everything else with the SDK.

Only the base URL and the authority are the gateway's. Run by tests/it/api/sdk.rs, which writes the file that the one
argument names: a JSON object with `url`, `tenant`, `client`, `secret`, `certified` (another client), `certificate_file`,
`key_file`, `ca_file` and `application` (the name of one). Prints what came of each step; ends with 1 if one failed.
"""

import asyncio
import json
import pathlib
import ssl
import sys
import time

import httpx
import msal
from azure.identity import ClientSecretCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from kiota_abstractions.api_error import APIError
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph.generated.models.expression_input_object import ExpressionInputObject
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.string_key_object_value_pair import StringKeyObjectValuePair
from msgraph.generated.models.synchronization_job_restart_criteria import SynchronizationJobRestartCriteria
from msgraph.generated.models.synchronization_job_restart_scope import SynchronizationJobRestartScope
from msgraph.generated.service_principals.item.synchronization.jobs.item.restart.restart_post_request_body import (
    RestartPostRequestBody,
)
from msgraph.generated.service_principals.item.synchronization.jobs.item.schema.parse_expression.parse_expression_post_request_body import (
    ParseExpressionPostRequestBody,
)
from msgraph_core import GraphClientFactory

SETTINGS = json.loads(pathlib.Path(sys.argv[1]).read_text())
URL = SETTINGS["url"]
AUTHORITY = f"{URL}/{SETTINGS['tenant']}"
SCOPES = [f"{URL}/.default"]


def told(what, outcome):
    print(f"{what}: {outcome}")


def application(client, credential):
    return msal.ConfidentialClientApplication(
        client,
        client_credential=credential,
        authority=AUTHORITY,
        instance_discovery=False,
        verify=SETTINGS["ca_file"],
    )


def token(client, credential):
    return application(client, credential).acquire_token_for_client(scopes=SCOPES)


def tokens():
    answer = token(SETTINGS["client"], SETTINGS["secret"])
    assert answer.get("token_type") == "Bearer", answer
    told("a token for a secret", answer["token_type"])
    refused = token(SETTINGS["client"], "another")
    assert refused.get("error") == "invalid_client", refused
    told("a token for a wrong secret", refused["error"])

    key = pathlib.Path(SETTINGS["key_file"]).read_text()
    pem = pathlib.Path(SETTINGS["certificate_file"]).read_text()
    thumbprint = x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA1()).hex()
    for name, credential in [
        ("by its thumbprint", {"private_key": key, "thumbprint": thumbprint}),
        ("that is sent along", {"private_key": key, "public_certificate": pem}),
    ]:
        client = application(SETTINGS["certified"], credential)
        answer = client.acquire_token_for_client(scopes=SCOPES)
        assert answer.get("token_type") == "Bearer", (name, answer)
        told(f"a token for a certificate {name}", answer["token_type"])
    refused = token(SETTINGS["client"], {"private_key": key, "public_certificate": pem})
    assert refused.get("error") == "invalid_client", refused
    told("a token for somebody else's certificate", refused["error"])


def graph():
    credential = ClientSecretCredential(
        SETTINGS["tenant"],
        SETTINGS["client"],
        SETTINGS["secret"],
        authority=URL,
        disable_instance_discovery=True,
        connection_verify=SETTINGS["ca_file"],
    )
    trust = ssl.create_default_context(cafile=SETTINGS["ca_file"])
    transport = httpx.AsyncClient(verify=trust, http2=True)
    client = GraphClientFactory.create_with_default_middleware(client=transport)
    provider = AzureIdentityAuthenticationProvider(credential, scopes=SCOPES)
    adapter = GraphRequestAdapter(provider, client=client)
    adapter.base_url = f"{URL}/v1.0"
    return GraphServiceClient(request_adapter=adapter)


async def until(what, ask):
    for _ in range(300):
        if await ask():
            told(what, "yes")
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{what}: never")


async def walk():
    client = graph()
    principals = (await client.service_principals.get()).value
    principal = next(one for one in principals if one.display_name == SETTINGS["application"])
    told("an application", principal.display_name)
    synchronization = client.service_principals.by_service_principal_id(principal.id).synchronization

    templates = (await synchronization.templates.get()).value
    generic = next(one for one in templates if one.id == "scim")
    assert generic.schema.synchronization_rules, "the template has its schema"
    told("templates", "with their schemas")

    jobs = (await synchronization.jobs.get()).value
    job = synchronization.jobs.by_synchronization_job_id(jobs[0].id)
    told("jobs", [one.id for one in jobs])

    async def code():
        return (await job.get()).status.code.value

    async def succeeded():
        status = (await job.get()).status
        return status.last_successful_execution is not None and status.code.value == "Active"

    await until("a cycle has succeeded", succeeded)
    status = (await job.get()).status
    counts = {pair.key: pair.value for pair in status.synchronized_entry_count_by_type}
    told("what is synchronized", dict(sorted(counts.items())))

    await job.pause.post()
    told("after a pause", await code())
    assert await code() == "Paused"
    await job.start.post()

    async def runs():
        return await code() == "Active"

    await until("it goes on", runs)
    criteria = SynchronizationJobRestartCriteria(reset_scope=SynchronizationJobRestartScope.Watermark)
    before = (await job.get()).status.last_execution.activity_identifier
    await job.restart.post(RestartPostRequestBody(criteria=criteria))

    async def another():
        last = (await job.get()).status.last_execution
        return last.activity_identifier != before and last.count_imported > 0

    await until("after a restart everything is read again", another)

    schema = await job.schema.get()
    assert schema.id == jobs[0].id and schema.directories, schema.id
    told("its schema", [len(rule.object_mappings) for rule in schema.synchronization_rules])
    operators = (await job.schema.filter_operators.get()).value
    functions = (await job.schema.functions.get()).value
    assert len(operators) > 5 and len(functions) > 40
    told("operators and functions", "listed")
    question = ParseExpressionPostRequestBody(expression="ToUpper([givenName])")
    question.test_input_object = ExpressionInputObject(
        properties=[StringKeyObjectValuePair(key="givenName", additional_data={"value": "Ilse"})]
    )
    answer = await job.schema.parse_expression.post(question)
    assert answer.evaluation_result == ["ILSE"], answer
    told("an expression", answer.evaluation_result)

    try:
        await synchronization.jobs.by_synchronization_job_id("nothing").get()
        raise AssertionError("there is no such job")
    except ODataError as error:
        assert error.response_status_code == 404 and error.error.code == "Request_ResourceNotFound", error
        told("a job that is not there", error.error.code)
    try:
        await synchronization.jobs.by_synchronization_job_id(jobs[0].id).delete()
        raise AssertionError("it is declared in the file")
    except APIError as error:
        told("what is not served", error.response_status_code)
        assert error.response_status_code == 405, error


tokens()
began = time.monotonic()
asyncio.run(walk())
assert time.monotonic() - began < 120
