mock_provider "aws" {
  source = "../mocks"
}

variables {
  repository = "example/pricestream"
}

run "a_job_deploys_its_own_environment_only" {
  command = plan
  assert {
    condition     = alltrue([for e, d in data.aws_iam_policy_document.assume : anytrue([for c in d.statement[0].condition : endswith(c.variable, ":sub") && c.test == "StringEquals" && one(c.values) == "repo:example/pricestream:environment:${e}"])])
    error_message = "A role opens to jobs of its environment in this repository."
  }
  assert {
    condition     = keys(aws_iam_role.deploy) == ["dev", "prod", "staging"] && aws_iam_role.deploy["prod"].name == "pricestream-deploy-prod"
    error_message = "There is a role for each environment."
  }
}

run "the_state_is_kept_and_closed" {
  command = plan
  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled" && aws_s3_bucket.state.bucket == "pricestream-terraform-123456789012"
    error_message = "Old states are kept."
  }
  assert {
    condition     = alltrue([aws_s3_bucket_public_access_block.state.block_public_acls, aws_s3_bucket_public_access_block.state.block_public_policy, aws_s3_bucket_public_access_block.state.ignore_public_acls, aws_s3_bucket_public_access_block.state.restrict_public_buckets])
    error_message = "Nobody outside sees it."
  }
}

run "a_place_that_is_no_region_is_refused" {
  command = plan
  variables {
    region = "Ireland"
  }
  expect_failures = [var.region]
}

run "any_repository_is_refused" {
  command = plan
  variables {
    repository = "example/*"
  }
  expect_failures = [var.repository]
}

run "no_environment_is_refused" {
  command = plan
  variables {
    environments = []
  }
  expect_failures = [var.environments]
}

run "an_administrator_is_refused" {
  command = plan
  variables {
    deploy_policies = ["arn:aws:iam::aws:policy/AdministratorAccess"]
  }
  expect_failures = [var.deploy_policies]
}
