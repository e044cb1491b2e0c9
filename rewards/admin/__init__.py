"""What reward administrators, reviewers and auditors do."""
